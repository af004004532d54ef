"""What any numerical code needs: checks, factorisations, and threads that do not stand in each other's way."""
