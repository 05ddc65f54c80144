"""The session attributes that more than one module reads, each spelled once. Pure."""

BOOKED = "bookedInteraction"
"""The interaction that this session's visitor agreed to."""
SOURCE = "answerSource"
"""Where the last answer came from: an `answer.Source`."""
