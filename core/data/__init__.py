"""From a file to batches: readers, conversations, chat rendering and masks, split, order.

Nothing here imports torch or transformers at import time; a tokenizer is passed in.
"""
