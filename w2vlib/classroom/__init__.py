"""A class can be taught: assignments, hand-in, and grading that cannot be cheated.

Students' code runs in a sandbox and answers questions in plain data.  A process that runs no
student's code draws the questions, compares the answers and writes into nbgrader's grade book.

==============  ==================================================================
``practice``    practice checks beside a released notebook (for students)
``validate``    runs a notebook as the grader does (for students)
``course``      the course folder; ``handin`` reads and repairs what was handed in
``wire``        plain data through a pipe; ``script`` questions as plain data
``sandbox``     walls and limits; ``inside`` is what runs in there
``tasks``       questions, right answers, points; ``measures`` results to reach
``grader``      one submission; ``batch`` a class; ``gradebook`` nbgrader's book
``publish``     students' versions; ``collect`` zip files; ``pages`` feedback
==============  ==================================================================

The teacher's guide is ``assignments/README.md``.
"""
