"""Where in a text the toxicity is: detectors that give spans of characters with scores; `load` names them."""
