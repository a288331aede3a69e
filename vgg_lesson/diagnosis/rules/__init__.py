"""What facts say: findings that need no training, and suspicions that one would have to confirm."""
