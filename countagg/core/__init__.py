"""The rules of the pipeline as functions of values: standard library only, no clock, no network.

Both sides use it: the functions that run in AWS and the operator's command line.
"""
