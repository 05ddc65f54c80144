"""Conversations with the deployed bot through real clients: a scripted demo and a typed chat."""
