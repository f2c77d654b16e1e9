"""The attempt log behind one writing process, for many processes of one machine."""
