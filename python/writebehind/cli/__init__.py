"""The command line: a file a verb, each loaded when it is called."""
