"""The platform of docs/adding-a-platform.md, as somebody outside this repository would bring it."""
