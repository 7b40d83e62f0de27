"""Drills: Eliot in processes of its own, on a folder of its own, while a monkey kills, stops and cancels."""
