"""Videos: their frames as pictures, exactly those that are asked for."""
