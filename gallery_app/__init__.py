"""The archive: libraries of pictures, what each file is called and how it was made."""
