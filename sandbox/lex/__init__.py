"""Amazon Lex V2 as the product meets it: the model calls of a release, and the runtime."""
