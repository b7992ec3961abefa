"""What Rankscope knows, without a window.

Nothing below this package imports Qt or `app`, not even inside a function, and everything that
the window calls directly can be imported without torch.
"""
