"""The prompt studio: choose a film, a camera, a light; read the prompt."""
