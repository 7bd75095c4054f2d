"""The hub: a server to share, review and automate datasets. Imports `oxide`, never the other way round."""
