"""`ops trace`: a turn's or a whole lead's real segments, drawn as a waterfall in the terminal."""
