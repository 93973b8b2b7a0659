"""Graphics processors: NVIDIA's as nvidia-smi sees them, AMD's as the kernel shows them."""
