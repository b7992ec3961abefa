"""The pages of the window, one at a time beside the rail."""
