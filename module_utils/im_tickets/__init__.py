"""Requests for an installation, out of a file or a ticket system, and the answers to them.

``ticket`` says what is ever taken from a ticket, ``system`` what a ticket system must be able to do; ``files`` and
``glpi`` are two of them. What stands in a ticket is data: it is checked, shown, and compared, never run or templated.
"""
