"""`python -m ops capacity`: what a given traffic needs of every quota, and which one breaks first.

A discrete-event simulation, because the sums of averages hide what matters: how many turns meet in
one moment, and how many calls are open while visitors still type.
"""
