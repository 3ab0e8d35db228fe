"""Completion without Python: scripts for bash, zsh and fish and the man page, from the command tree.

The scripts hold every command, flag, choice and help text. What changes on a machine (profiles, cached
models, files) they find with shell globs, so that pressing Tab never starts Python.
"""
