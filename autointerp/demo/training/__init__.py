"""How the bundled model and its sparse autoencoders are made, one file a stage."""
