"""One file per workflow task and per event that moves a lead on."""
