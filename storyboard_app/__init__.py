"""The wall, room 1: projects, boards, panels, shots."""
