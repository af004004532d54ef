"""What any numerical code needs: factorisations, and threads that do not stand in each other's way."""
