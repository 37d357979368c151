"""Packages of the clients on a host. Pure: the roles' answers, the host's and the site's wishes in, a plan out.

``host`` holds both ends: what a host is asked and what that means. ``answers`` reads the answers files with the site's
``wishes`` in them, ``planning`` says what is to be done, ``refusals`` why it cannot be, ``versions`` compares.
"""
