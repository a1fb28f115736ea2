"""Pure mathematics: losses, penalties, noise, update rules, games, and the objectives made of them."""
