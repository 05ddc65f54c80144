"""Twenty wordings over the three grounded intents; none is a sample utterance of the bot.

A test checks that: measured on the samples themselves, a cache would look better than it is.
"""

QUESTIONS_BY_INTENT = {
    "GreetingIntent": (
        "hello there friend",
        "hi, nice to meet you",
        "good morning to you all",
        "hey, good to see you",
        "hello assistant, how is it going",
        "well hello there, good evening",
    ),
    "AboutTechnologyIntent": (
        "what technology are you built with",
        "tell me about the technology you use here",
        "which technology stack powers this chat",
        "what kind of technology is behind this assistant",
        "what cloud technology do you run on",
        "could you explain the technology behind this",
        "which ai technology do you use for this",
    ),
    "AboutDemoIntent": (
        "how does your phone demo work",
        "can you tell me more about the demo",
        "what exactly happens in the demo call",
        "what will happen during the demo",
        "please explain how the demo works",
        "what is this demo all about",
        "what should i expect from the demo",
    ),
}
