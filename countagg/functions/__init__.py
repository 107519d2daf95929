"""The three functions of the pipeline, as they run in AWS Lambda. The zip holds this package and `core`."""
