"""Benches: Eliot and its demo farm run as they do for people, and are measured from outside, as any client would."""
