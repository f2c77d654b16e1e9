"""One module a framework: each imports its third party only inside itself."""
