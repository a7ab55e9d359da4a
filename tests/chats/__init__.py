"""The chats, each against a loopback stand-in of its service."""
