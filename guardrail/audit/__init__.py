"""Inquiry packs: what an authority asked, answered from the attempt log with proof."""
