"""The parts of a report, one function each: from what was read to blocks in one language."""
