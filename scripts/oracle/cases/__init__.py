"""The tables of make_case_goldens.py."""
