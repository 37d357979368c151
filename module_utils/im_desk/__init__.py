"""What is done to profiles on a desk: the parts of library/im_profile_files.py. Python 3.8 and its standard library.

``calls`` is the door. ``service`` gives each login a process (``workers``) that becomes the person (``person``), walks
their home (``tree``, ``opening``), sees whether the client runs (``running``), and reads (``reading``) or writes
(``writing``: one ``change`` for each file, with its ``attributes``). The parent keeps what is root's: ``backups``, from
which ``restore`` makes the way back, and the ``memory``, both as ``private_files``. ``tasks`` says what may be asked,
``wire`` how it travels, ``errors`` what can go wrong.
"""
