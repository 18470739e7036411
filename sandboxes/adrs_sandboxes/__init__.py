"""First-party sandboxes. Nothing is imported here: the zygote loads this package inside, too."""
