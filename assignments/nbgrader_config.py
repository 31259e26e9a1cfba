"""nbgrader's settings for this course.  They hold wherever the folder lies."""

from pathlib import Path

c = get_config()  # noqa: F821  (nbgrader defines it)

c.CourseDirectory.course_id = "word2vec"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
# Notes of the trusted grader and solutions are nothing to copy along.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "feedback",
    "grading",
    "solution",
]

c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"
