"""What `tf.contrib` had for recurrent networks and around them: a module or folder a family."""
