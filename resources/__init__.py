"""Icons, fonts, presets and sample data; holds no code."""
