// Attaches each module named by data-module to its element, now and in every fragment that comes later.
