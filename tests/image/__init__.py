"""`make image-test`: the Dockerfile built and its image started, without a container engine."""
