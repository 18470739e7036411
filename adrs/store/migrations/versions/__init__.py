"""The migrations, one file a revision, each naming the one before it."""
