"""What jobs cost on which server: learned, remembered, estimated."""
