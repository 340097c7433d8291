"""Pure numerics, arrays in and arrays out: centre, aperture, sky, response, combination."""
