"""How the window looks: colour tokens, type, icons and the stylesheet made from them."""
