"""The bank: right and wrong solutions as students might write them, one file for each exercise."""
