"""What goes out of the database and comes into it as files: our own archives, Neuronpedia's and delphi's layouts."""
