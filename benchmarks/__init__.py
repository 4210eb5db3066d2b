"""What reading, writing and converting costs, ours and others' side by side: ``python -m benchmarks --help``."""
