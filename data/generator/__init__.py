"""The generator of the embedded corpus: a small grammar, a small world, and planted truth.

template.py   the mini-language in which sentences are written
tables.py     reads tables/*.txt: who lives in this world, and what belongs to whom
world.py      joins tables and grammar/*.txt into one grammar that can speak
stories.py    strings sentences together into little stories, endlessly, in constant memory
truth.py      what a good set of word vectors should know: analogies, similarities, homonyms
files.py      writes the files and checks them against their SHA-256 sums
"""
