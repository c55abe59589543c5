"""From records of images to an announcement: the contract between app.git and cfg-app.git. Pure."""
